"""Mock dependencies of AI endpoints: real quota arithmetic, saturation, and leased, seeded faults."""
