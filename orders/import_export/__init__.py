"""What people take out of an account and bring into it as files."""
