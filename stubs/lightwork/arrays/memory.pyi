from typing import Any, final

from lightwork.arrays.schedule import Stage

@final
class Memory:
    @property
    def stages(self) -> tuple[Stage, ...] | None: ...
    def leaves_to_numpy(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool: ...
