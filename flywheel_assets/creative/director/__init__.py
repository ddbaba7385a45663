"""The offline director: hooks from formula families, and drafts built from them, the scenes and past winners."""
