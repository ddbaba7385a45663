"""What is believed about an account's ads, from clicks to money: one posterior an ad under a prior of all."""
