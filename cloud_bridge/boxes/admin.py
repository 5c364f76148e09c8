"""Administration of boxes: names and places. Keys and logs are not edited by hand."""

from django.contrib import admin
from django.http import HttpRequest

from cloud_bridge.boxes.models import Box


@admin.register(Box)
class BoxAdmin(admin.ModelAdmin):
    """Boxes are added by `hotbox-bridge box add`, because that needs the box's key."""

    list_display = ("id", "name", "place", "active")
    fields = ("id", "name", "place", "active", "leaves_per_min", "bytes_per_day")
    readonly_fields = ("id",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """See the class."""
        del request
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Box | None = None) -> bool:
        """A box's log is never thrown away."""
        del request, obj
        return False
