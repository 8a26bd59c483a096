"""Networks in PyTorch: fast layers and updates for the processor, torch's own modules for accelerators."""
