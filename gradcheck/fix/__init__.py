"""What a guilty line should say: edits of it as it is written, proven before they are shown."""
