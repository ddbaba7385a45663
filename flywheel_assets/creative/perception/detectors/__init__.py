"""Where scenes change: `sudden` finds cuts, `gradual` dissolves and fades, `confirming` is both as a PySceneDetect detector."""
