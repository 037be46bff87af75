"""copilot: the reference AI endpoint that peakproof tests and breaks. A RAG and tool-using chat service."""
