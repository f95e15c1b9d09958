"""flutils: feedback learning for robust neural networks, reproduced.

The reproduction package of Song, Wang and Li, "Feedback Learning for Improving the Robustness of
Neural Networks" (2019): boundary search, class robustness, and what the paper built on them.
"""

import os as _os
from importlib import metadata as _metadata

# TensorFlow's notes (errors of absent GPU drivers among them) are of no use to a reader;
# set the variable to 0 to see them.
_os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# On processors without AVX512-VNNI or AMX TensorFlow leaves oneDNN off, and trains three times slower.
_os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = _metadata.version("flutils")
