"""What a workflow is: read from configs/workflows/*.yaml, checked as a whole, never changed afterwards. No I/O."""
