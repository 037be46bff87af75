"""LLM providers: one shared core (quota, inference, text), one small file a dialect."""
