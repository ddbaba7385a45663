"""One small protocol per modality (`base`), one file an engine, and the question which engine serves here (`choice`)."""
