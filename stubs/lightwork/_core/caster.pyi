from typing import final

@final
class Cast: ...
