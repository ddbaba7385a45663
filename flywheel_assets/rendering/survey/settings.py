"""The numbers of measuring, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measuring:
    """How closely the source is looked at. Whoever changes one changes what is kept under another name."""

    look_seconds: float = 0.2  # between two looks; a person turns in about half a second
    least_looks: int = 5  # in a scene shorter than a second, which still wants a cover
    longest: int = 640  # px; YuNet's own side, and enough to tell a blurred picture
    small: int = 160  # px; motion, contrast and the camera; its steps are told to a fiftieth of one (measured)
    steady_seconds: float = 1 / 15  # between two looks at the camera; a hand shakes at up to 8 Hz
    smooth_seconds: float = 0.6  # what moves evenly for so long is a pan, not a shake
    least_contrast: float = 2.0  # grey levels of deviation; below it there is no texture to follow
    dark_level: int = 2  # of 255; at or below it is clipped
    bright_level: int = 253  # at or above it is clipped
    faceless_looks: int = 3  # where perception found no face, every third look is for faces, until one is found
    face_share: float = 0.3  # of the looks that must show a face, else it is a passer-by or a mistake
    thing_gap: float = 3.2  # seconds; perception looks for people and things at most 3 s apart
    face_gap: float = 1.2  # seconds a face may be turned away and still be the same
    motion_share: float = 0.3  # of the looks in which something moves by itself, to call it the subject
    change_level: float = 12.0  # grey levels; a moving thing changes a pixel by more, noise by less
    part_share: float = 0.2  # of the largest moving part; smaller parts are leaves and water
    least_area: float = 0.0015  # of the picture; smaller movements are nobody
    most_area: float = 0.6  # of the picture; where all moves, nothing is the subject


DEFAULTS = Measuring()
