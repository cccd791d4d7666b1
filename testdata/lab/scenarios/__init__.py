"""One module per scenario; each has `scenario()`, and its docstring says what the captures show."""
