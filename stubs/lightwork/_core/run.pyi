from typing import final

from lightwork._core.loop import Loop

@final
class Run(Loop): ...
