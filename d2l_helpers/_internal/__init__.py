"""What carries the course, and what a student need not read: before MXNet is imported, and devices."""
