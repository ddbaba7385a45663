"""What is seen, read and heard in a source video: scenes, measurements, and one engine per modality.

`perceive` does all of it; `probe`, `detect_scenes` and `features` are its parts. A modality that
could not be looked at is None with a reason; an empty result always means that an engine looked.
"""
