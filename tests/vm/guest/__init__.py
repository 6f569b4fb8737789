# SPDX-License-Identifier: MIT
"""Virtual machines that run Hadal's kernel tests; tests/vm/run is the way in."""
