// The interactive page of the API: Swagger UI, served from here, fed with our schema.
const place = document.getElementById("api");

// A request made from this page says by its token who it is, or, without one, by the browser's
// session; then it needs the CSRF token as a form does.
function withCsrf(request) {
  const field = document.querySelector("[name=csrfmiddlewaretoken]");
  if (field) request.headers["X-CSRFToken"] = field.value;
  return request;
}

window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  persistAuthorization: false,
  requestInterceptor: withCsrf,
});
