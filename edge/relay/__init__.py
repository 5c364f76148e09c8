"""The final element: the dead-man controller's protocol and driver, and the judgement of the feedback contact."""
