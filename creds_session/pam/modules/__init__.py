"""What PAM modules return, and what they do with the password."""
