"""What each family of models is judged by."""
