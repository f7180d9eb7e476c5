"""Sources of the sample office: texts as data, and the code that turns them into files."""
