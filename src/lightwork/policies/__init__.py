"""What users ask of a run besides its results, as values and arithmetic: again, how often, until when."""

from lightwork.policies.decision import RetryInfo as RetryInfo
from lightwork.policies.gate import LimiterStatistics as LimiterStatistics
from lightwork.policies.limiter import Limiter as Limiter
from lightwork.policies.rate import RateLimit as RateLimit
from lightwork.policies.retry import Retry as Retry
from lightwork.policies.stop import StopToken as StopToken
