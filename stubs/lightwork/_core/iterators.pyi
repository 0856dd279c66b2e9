from typing import final

@final
class Iterators: ...
