from typing import final

@final
class Evaluation: ...
