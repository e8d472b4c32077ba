"""What a server counts about itself: plain numbers in memory, which cost next to nothing until somebody asks."""
