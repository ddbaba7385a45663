"""What delivery teaches: predictors of the click-through rate, and what follows from their errors."""
