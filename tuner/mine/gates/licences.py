class Owners:
    @classmethod
    def from_repository(cls,*a): return cls()
    def foreign(self,h): return None
def is_licence_file(p): return False
def licence_folders(x): return set()
