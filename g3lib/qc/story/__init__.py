"""The ten steps of a QC story: a case read, computed, audited."""
