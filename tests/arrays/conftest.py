"""Make the shared assertions explain themselves."""

import pytest

pytest.register_assert_rewrite("bits", "chunking", "samples")
