"""peakproof: will this AI endpoint survive its forecast peak, and what breaks first?"""

COMMAND = "peakproof"
__version__ = "0.1.0"
