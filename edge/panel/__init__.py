"""The stack light and the buzzer: what the box says to a person in a welding mask. A process of its own."""
