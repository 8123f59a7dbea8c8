"""What files of strangers may ask for: bounds on memory, and nothing outside of them is opened.

Arrays and pickles are in `arrays` and `pickles`, HDF5 in `hdf5`; texts, XML and JSON in `texts`.
"""
