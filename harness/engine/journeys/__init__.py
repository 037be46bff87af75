"""Journeys: what one arrival does."""
