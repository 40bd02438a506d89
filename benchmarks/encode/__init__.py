"""How fast is encoding?"""
