"""What clients send and get, as Pydantic models: the contract in code."""
