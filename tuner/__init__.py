"""Turn a team's git repository into a local code model, and prove whether it helps."""

import logging

__version__ = "0.4.0"
# bitsandbytes 0.50 warns of an optional package of kernels whenever it is imported, which torch's libraries do
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
