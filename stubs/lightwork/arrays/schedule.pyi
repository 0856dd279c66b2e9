from typing import final

from lightwork._core.program import Program

@final
class Stage:
    @property
    def program(self) -> Program: ...
    @property
    def entries(self) -> tuple[int, ...]: ...
    @property
    def inputs(self) -> tuple[int, ...]: ...
    @property
    def outputs(self) -> tuple[int, ...]: ...
