"""What readers measure of that which their programs found."""
