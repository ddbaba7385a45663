"""What people and machines watch: progress, metrics, errors, notices."""
