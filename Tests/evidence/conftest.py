# SPDX-License-Identifier: Apache-2.0
"""Where the laboratory is."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
