"""Folders of object stores, by the drivers of `fsspec`."""

import contextlib
import hashlib
import shutil

_CHUNK = 1 << 20


class RemoteFolder:
    """A folder on any file system that `fsspec` has a driver for.

    Args:
        url: str, such as `s3://bucket/runs/nade`.

    Raises:
        ImportError: if `fsspec`, or its driver for this kind of URL, is absent.
        ValueError: if it is no URL, or of no kind that `fsspec` knows.

    Example:

    ```python
    folder = RemoteFolder("memory://runs/nade")
    folder.write_bytes("note", b"trained")
    folder.read_bytes("note")
    ```
    """

    def __init__(self, url):
        self.url = url
        self._files, self._path = _opened(url)

    def names(self, folder):
        """Names of the files in a folder below; none where there is none."""
        with self._errors("read"):
            # Others write there, too.
            self._files.invalidate_cache()
            try:
                found = self._files.ls(self._at(folder), detail=False)
            except FileNotFoundError:
                return []
        return [path.rstrip("/").rpartition("/")[2] for path in found]

    def size(self, name):
        """Bytes of a file, or None where there is none."""
        with self._errors("read"):
            self._files.invalidate_cache()
            try:
                return self._files.info(self._at(name))["size"]
            except FileNotFoundError:
                return None

    def read_bytes(self, name):
        """The content of a small file."""
        with self._errors("read"):
            return self._files.cat_file(self._at(name))

    def write_bytes(self, name, content):
        """Writes a small file."""
        with self._errors("write to"):
            self._files.pipe_file(self._at(name), content)

    def download(self, name, path):
        """Writes a file of the folder to a local path; returns its SHA-256."""
        digest = hashlib.sha256()
        with (
            open(path, "wb") as local,
            self._errors("read"),
            self._files.open(self._at(name), "rb") as remote,
        ):
            while chunk := remote.read(_CHUNK):
                digest.update(chunk)
                local.write(chunk)
        return digest.hexdigest()

    def upload(self, file, name):
        """Writes what is left of an open local file into the folder."""
        with (
            self._errors("write to"),
            self._files.open(self._at(name), "wb") as remote,
        ):
            shutil.copyfileobj(file, remote, _CHUNK)

    def remove(self, name):
        """Removes a file; nothing happens where there is none."""
        with self._errors("write to"), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._at(name))

    def check_writable(self):
        """Writes and removes a file.

        Raises:
            OSError: if the store refuses.
        """
        self.write_bytes(".probe", b"keras_genseq")
        self.remove(".probe")

    def _at(self, name):
        return f"{self._path.rstrip('/')}/{name}"

    @contextlib.contextmanager
    def _errors(self, what):
        """One sentence of all that a store may answer."""
        try:
            yield
        # Every driver has errors of its own, which share no class.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise OSError(
                f"Could not {what} {self.url}: {reason.rstrip('.')}. Check "
                "the address, that the store answers, and that this process "
                "has the right"
            ) from error


def _opened(url):
    """File system and path of a URL."""
    try:
        import fsspec
    except ImportError as error:
        raise ImportError(
            f"{url} needs fsspec: pip install 'keras-genseq[cloud]'."
        ) from error
    protocol, colon, _ = url.partition("://")
    # A single letter is a drive to `fsspec`.
    if not colon or len(protocol) < 2:
        raise ValueError(
            "Where to copy checkpoints is a URL, such as s3://bucket/runs/nade "
            f"or file:///mnt/runs/nade. Received: {url!r}"
        )
    # Folders of a disk, unlike those of object stores, have to be made.
    options = {"auto_mkdir": True} if protocol in ("file", "local") else {}
    try:
        files, path = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        raise ImportError(
            f"{url} needs a driver that is not installed. fsspec says: {error}."
        ) from error
    except Exception as error:
        raise ValueError(
            f"{url} cannot be opened. fsspec says: {error}. Its URLs begin "
            "with, among others, s3://, gs://, abfs://, file://."
        ) from error
    if not path.strip("/"):
        raise ValueError(
            "Name a folder of the store, such as s3://bucket/runs/nade. "
            f"Received: {url!r}"
        )
    return files, path
