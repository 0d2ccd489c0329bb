"""Quality control: from a gap to the vital few, and from possible causes to confirmed ones."""
