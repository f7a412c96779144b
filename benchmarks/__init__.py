"""What the program costs, measured side by side with what it could be compared with. See docs/performance.md."""
