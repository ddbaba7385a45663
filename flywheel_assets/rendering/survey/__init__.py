"""What rendering must know of the source beyond perception: where the subject is, how the camera shakes, what makes a cover.

`measure.survey` decodes the asked scenes once; `kept.remembered` keeps what it found. `paths` and `covers` decide from
those numbers alone.
"""
