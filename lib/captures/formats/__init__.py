"""Camera files of other programs: one reader each, all to the OpenCV convention."""
