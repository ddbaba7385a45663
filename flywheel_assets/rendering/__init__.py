"""From an approved blueprint to a finished vertical advert: edit plan, segment cache, audio, quality gate.

A plan is a pure function of blueprint and perception. Each unique segment is encoded once with the
final settings; a variation is those segments joined without re-encoding, plus one audio pass.
"""
