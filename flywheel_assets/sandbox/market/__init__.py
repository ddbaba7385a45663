"""The audience's side of the sandbox: how people answer an ad. Pure, seeded, and the only place that knows the truth."""
