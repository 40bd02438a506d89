"""Does it matter where a prompt is cut?"""
