"""The pages of benchmarks/ocr.py: images whose text is known, and what is done to them."""
