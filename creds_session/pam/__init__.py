"""PAM service files and what libpam makes of them: pure, text in, values out."""
