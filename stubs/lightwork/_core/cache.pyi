from typing import final

@final
class Cache:
    def begin_anew(self) -> None: ...
