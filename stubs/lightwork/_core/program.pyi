from typing import final

from lightwork._core.loop import Loop

from lightwork._core.lowering import Plan, Recipe

@final
class Program:
    @property
    def recipe(self) -> Recipe: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def inputs(self) -> tuple[int, ...]: ...
    @property
    def outputs(self) -> tuple[int, ...]: ...
    @property
    def block(self) -> int: ...

@final
class Run(Loop): ...
